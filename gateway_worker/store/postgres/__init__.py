"""PostgreSQL itself: connections, tables, encryption, and whether it went back in time."""
