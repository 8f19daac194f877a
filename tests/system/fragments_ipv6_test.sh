#!/bin/bash
# fragments_test.sh in IPv6, where the headers have to be in the first fragment.
FAMILY=6 . "$(dirname "$0")/fragments_test.sh"
