#!/bin/bash
# A known file in blocks that a list joins, and in appended blocks (Azure), is refused at the list,
# and at the last block.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_pieces.sh"
cordon_up pieces

try_pieces azure
try_pieces azure-append
try_pieces azure --order shuffled --connections 3
