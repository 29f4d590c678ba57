"""What an audit found, as plain data, and how it is shown: terminal, JSON, HTML page."""
