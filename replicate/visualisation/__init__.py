"""Feature visualisation: what excites a channel, made or found."""
