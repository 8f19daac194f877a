"""Synthetic lists: `feed_list.py plain FROM COUNT` prints the SHA-256 of so many numbers, one a
line; `feed_list.py changes FROM ADDED REMOVED` a CSV that adds numbers from FROM on and deletes
those from 0 on. Nothing has these digests: they are of decimal numbers with words in front."""
import hashlib
import sys

WORD = hashlib.sha256(b"cordon feed benchmark ")


def digest(number):
    one = WORD.copy()
    one.update(b"%d" % number)
    return one.hexdigest()


def main():
    form, first, count, *removed = sys.argv[1], *map(int, sys.argv[2:])
    write = sys.stdout.write
    if form == "changes":
        for number in range(removed[0]):
            write(digest(number) + ",1\n")
    for begin in range(first, first + count, 10000):
        end = "\n" if form == "plain" else ",0\n"
        write("".join(digest(n) + end for n in range(begin, min(begin + 10000, first + count))))


main()
