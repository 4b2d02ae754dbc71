#!/usr/bin/env bash
# A folder of libraries in pieces that fit through a narrow door, and whole again behind it:
#   benchmarks/gpu/carry.sh split FOLDER PIECES     compress FOLDER, cut it into PIECES/part.000 ... and PIECES/SHA256SUMS
#   benchmarks/gpu/carry.sh join PIECES FOLDER      check the pieces, join and unpack them into FOLDER
#   benchmarks/gpu/carry.sh check PIECES            check the pieces that are there; says which are missing or broken
# CARRY_MIB (60): size of a piece. CARRY_LEVEL (12): zstd's level; without zstd gzip is used.
# Pieces may come one at a time: join says which are missing until all are there.
set -euo pipefail
usage() { sed -n '2,/^set /{/^# /s/^# //p}' "$0"; }
fail() { echo "error: $1" >&2; echo >&2; echo "hint: $2" >&2; exit 1; }
size=${CARRY_MIB:-60} level=${CARRY_LEVEL:-12}

split_folder() {
  local folder=$1 pieces=$2 kind=zst compress=(zstd -q "-$level" --long=27 -T0 -c)
  [ -d "$folder" ] || fail "there is no folder $folder" "name a folder that holds the libraries"
  command -v zstd >/dev/null || { kind=gz; compress=(gzip -9 -c); }
  mkdir -p "$pieces"
  rm -f "$pieces"/part.* "$pieces"/SHA256SUMS
  tar -C "$folder" --sort=name --owner=0 --group=0 -cf - . | "${compress[@]}" | split -b "${size}M" -d -a 3 - "$pieces/part."
  (cd "$pieces" && { echo "# $kind"; sha256sum part.*; } > SHA256SUMS.new && mv SHA256SUMS.new SHA256SUMS)
  echo "$(ls "$pieces"/part.* | wc -l) pieces, $(du -sh "$pieces" | cut -f1), in $pieces" >&2
}

check_pieces() {
  local sums=$1/SHA256SUMS bad=0 sum piece
  [ -e "$sums" ] || fail "there is no $sums" "carry SHA256SUMS along with the pieces"
  while read -r sum piece; do
    [ "$sum" = "#" ] && continue
    if [ ! -e "$1/$piece" ]; then echo "missing: $piece" >&2; bad=1
    elif [ "$(sha256sum < "$1/$piece" | cut -d' ' -f1)" != "$sum" ]; then echo "broken: $piece" >&2; bad=1; fi
  done < "$sums"
  [ $bad = 0 ] || fail "pieces are missing or broken" "carry them again; the others may stay"
}

join_pieces() {
  local pieces=$1 folder=$2 expand=(zstd -q -d --long=27 -c)
  check_pieces "$pieces"
  if grep -q '^# gz' "$pieces/SHA256SUMS"; then expand=(gzip -d -c)
  else command -v zstd >/dev/null || fail "zstd is not installed here" "install it, or split on a machine without zstd: gzip is used then"; fi
  mkdir -p "$(dirname "$folder")"
  [ ! -e "$folder" ] || fail "$folder is there already" "remove it, or name another folder"
  rm -rf "$folder.part" && mkdir "$folder.part"
  cat "$pieces"/part.* | "${expand[@]}" | tar -C "$folder.part" -xf -
  mv "$folder.part" "$folder"
  echo "whole: $folder" >&2
}

case ${1:-} in
  split) [ $# = 3 ] || { usage; exit 2; }; split_folder "$2" "$3" ;;
  join) [ $# = 3 ] || { usage; exit 2; }; join_pieces "$2" "$3" ;;
  check) [ $# = 2 ] || { usage; exit 2; }; check_pieces "$2"; echo "all pieces are there" >&2 ;;
  -h | --help) usage ;;
  *) usage >&2; exit 2 ;;
esac
