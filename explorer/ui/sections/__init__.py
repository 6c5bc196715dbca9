"""The interactive parts of pages, one module a page: controls, figure, reading. The pages arrange them and explain."""
