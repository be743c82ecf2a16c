"""What was marked or measured on images: segments, maps, real-world values."""
