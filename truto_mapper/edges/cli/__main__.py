"""`python -m truto_mapper.edges.cli` is `truto-mapper`."""

from truto_mapper.edges.cli import main

main()
