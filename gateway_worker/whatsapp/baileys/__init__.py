"""The adapter: supervised Node processes that run Baileys, and the frames between us and them."""
