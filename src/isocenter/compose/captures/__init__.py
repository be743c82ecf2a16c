"""Pictures and films: Secondary Capture, visible light, video."""
