"""Figures of the leaderboard: from a record's arrays to inline SVG."""
