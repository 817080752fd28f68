"""The adapter: supervised Node processes that run Baileys, and the frames between us and them.

Top down: `engine` (which bridge) → `supervision` (one bridge, kept running) → `connection` (the port's calls, the
owner's answers) → `channel` (calls both ways) → `frames` (bytes). `words` translates, `process` starts one, `versions`
asks WhatsApp for its own.

The other side is TypeScript in `bridge/`: `main` → `bridge` → `connection` → `socket` (Baileys as we run it), with
`store` (what waits to be durable), `gate` (what waits for it), `keys` and `repository` (Signal over both).
"""
