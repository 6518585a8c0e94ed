"""The pages: each module answers one kind of page, and reads only what that page shows."""
