#!/bin/bash
# A whole object and pieces that are written into it or behind it: a known file never comes
# together, clean ones are stored as they are.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_pieces.sh"
cordon_up pieces

# Begins with a plain PUT, then PATCH with "append" and with ranges, in turn.
try_pieces sabre
try_pieces dav-range
# Pieces that are written into gaps are held whole, so they are small; and one after the other.
PIECE=20000
AS=-shuffled
try_pieces dav-range --order shuffled
