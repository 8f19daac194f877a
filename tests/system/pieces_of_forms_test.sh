#!/bin/bash
# A known file in the chunks of uploaders in browsers is refused with the chunk that completes it,
# in any order, over one connection and several; clean files are stored byte for byte.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_pieces.sh"
cordon_up pieces

try_pieces dropzone
try_pieces dropzone --order shuffled --connections 3
try_pieces dropzone-late --order shuffled --connections 2
try_pieces plupload
try_pieces resumable --order shuffled --connections 2
try_pieces raw-chunks
try_pieces flow
try_pieces fine --connections 2
try_pieces simple --order backward
try_pieces form-range
