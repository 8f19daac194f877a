#!/bin/bash
# A known file that the storage makes of uploads of their own (tus) is refused at the request that
# says so; a clean one is stored as it is.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_pieces.sh"
cordon_up pieces

try_pieces tus-concatenated
