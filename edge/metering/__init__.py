"""What a meter's words mean and when to ask for them. Pure: no bus, file, clock or chance."""
