#!/bin/bash
# A whole object and pieces that are written into it or behind it: a known file never comes
# together, clean ones are stored as they are.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_pieces.sh"
cordon_up pieces

# Begins with a plain PUT, then PATCH with "append" and with ranges, in turn.
try_pieces sabre
try_pieces dav-range
# What is written into gaps, or while others of the object are under way, goes in steps.
AS=-shuffled
try_pieces dav-range --order shuffled
AS=-parallel
try_pieces dav-range --order shuffled --connections 3
# More than a client sends before the first acknowledgement, and more than one window.
PIECE=20000
AS=-small
try_pieces dav-range --order shuffled --connections 3
