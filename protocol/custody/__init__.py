"""Who holds which block: the two ends of custody as values, without I/O, clock or chance."""
