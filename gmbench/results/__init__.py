"""What a store says, as tables: claims, leaderboards, how far runs are."""
