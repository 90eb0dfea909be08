"""The pages: whole documents at bookmarkable addresses; one module for what one sits down to do."""
