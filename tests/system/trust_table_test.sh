#!/bin/bash
# The roots of a package as they are compiled in: what stands in the folder, byte for byte, and
# nothing that is not called as it should be.
. "$(dirname "$0")/_feed.sh"
feed_up
need "${CXX:=g++}" od

mkdir "$WORK/trust"
cp "$ROOT/tests/feed/vectors/metadata/1.root.json" "$WORK/trust/eu-centre.root.json"
head -c 65536 /dev/urandom > "$WORK/trust/other.root.json"
cat > "$WORK/main.cpp" <<'TEXT'
#include <cstdio>
#include <cstring>
#include "control/feed/trust_table.h"
int main(int argc, char** argv) {
    for (const auto& one : cordon::feed::trust_table()) {
        if (argc == 1) std::printf("%.*s\n", (int)one.name.size(), one.name.data());
        if (argc == 2 && one.name == argv[1])
            std::fwrite(one.document.data(), 1, one.document.size(), stdout);
    }
}
TEXT
table() { "$ROOT/scripts/trust-table" trust_table "$@" > "$WORK/roots.cpp" 2>> "$WORK/log"; }
compiled() { $CXX -std=c++20 -Wall -Werror -I "$ROOT" -o "$WORK/main" "$WORK"/*.cpp; }
check "roots become C++" table "$WORK"/trust/*.root.json
check "which compiles" compiled
check "both are named" [ "$("$WORK/main" | paste -sd,)" = eu-centre,other ]
for name in eu-centre other; do
    check "$name is as it was" cmp "$WORK/trust/$name.root.json" <("$WORK/main" $name)
done
check "an empty folder is an empty table" eval 'table && compiled && [ -z "$("$WORK/main")" ]'
mv "$WORK/trust/other.root.json" "$WORK/trust/Other\".root.json"
check "a name that is none is refused" eval '! table "$WORK"/trust/*.root.json'
head -c 65537 /dev/zero > "$WORK/trust/long.root.json"
check "so is what is no root" eval '! table "$WORK/trust/long.root.json"'
check "and what is called otherwise" eval '! table "$WORK/main.cpp"'
