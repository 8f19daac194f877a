#!/bin/bash
# A known file whose first bytes come with the creation of the upload (the draft of resumable
# uploads, tus) is refused with its last ones: what it is a piece of is told by the answer.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_pieces.sh"
cordon_up pieces

try_pieces draft
try_pieces draft --connections 3
try_pieces tus-creation
try_pieces tus-creation --connections 2
check "no piece is missing" [ "$(outcome assembly_gap)" = 0 ]
