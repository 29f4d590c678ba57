"""A leaderboard as a folder of files that any web server, or no server, shows."""
