"""What keeps phones from booting here: one small check per noun, each bounded in time, none sending anything off this machine."""
