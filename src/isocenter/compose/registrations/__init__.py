"""What brings one frame of reference onto another: matrices, fields, fiducials."""
