"""What a marketplace asks before it shows a listing: what to do next, and whether one serial seems to be on several objects."""
