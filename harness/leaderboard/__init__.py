"""The leaderboard: what every registered prediction came to, as Markdown, JSON, CSV or HTML."""
