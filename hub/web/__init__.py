"""What people and programs see of the hub: pages, the JSON API and the stream of changes. Reads only."""
