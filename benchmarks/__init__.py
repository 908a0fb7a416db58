"""What is measured, how, and the last figures. `make bench` runs everything; each figure's baseline comes from the same run."""
