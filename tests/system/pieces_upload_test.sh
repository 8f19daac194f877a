#!/bin/bash
# Uploads in pieces, live: a known file in pieces never becomes an object, by whatever protocol, and
# a clean one is stored as it is.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_pieces.sh"
cordon_up pieces

for recipe in ${RECIPES:-dropzone resumable google dav-range nextcloud azure tus}; do
    try_pieces "$recipe"
done
