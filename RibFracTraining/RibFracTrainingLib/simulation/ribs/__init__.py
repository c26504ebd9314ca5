"""Where the ribs are: their centrelines, coordinates along and around them, and finding them in a CT."""
