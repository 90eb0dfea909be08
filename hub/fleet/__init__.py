"""What is decided about devices in the field, without I/O."""
