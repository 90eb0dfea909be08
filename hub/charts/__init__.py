"""Charts as values: geometry in whole numbers, the words beside it and the rows behind it; `svg` writes them down.

Pure: what a chart says is decided by its arguments alone, so that page, mail and paper show the same.
"""
