"""Publishing and hosting a leaderboard that ranks by tune-before-test."""
