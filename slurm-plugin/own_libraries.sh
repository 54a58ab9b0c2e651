# Programs of this machine with a loader and libraries of their own. Needs patchelf; `refuse` is the caller's.

# copy_libraries FILE…: what the loader brings to them, to $stage/lib.
copy_libraries() {
  ldd "$@" | sed -n 's/.* => \(\/[^ ]*\) (.*/\1/p' | sort -u | while read -r library; do
    cp -L "$library" "$stage/lib/"
  done
}

# copy_programs SEEN_AS PROGRAM…: to $stage, with their libraries, and $loader, in $stage/lib, which containers see as SEEN_AS.
copy_programs() {
  seen_as=$1
  shift
  mkdir -p "$stage/lib"
  for name in "$@"; do
    program=$(readlink -f "$(command -v "$name")")
    loader=$(patchelf --print-interpreter "$program")
    cp "$program" "$stage/$name"
    cp -L "$loader" "$stage/lib/"
    copy_libraries "$program"
    # The old form of a search path: it also holds for what libraries need, and comes before LD_LIBRARY_PATH of an image.
    patchelf --set-interpreter "$seen_as/${loader##*/}" --force-rpath --set-rpath "$seen_as" "$stage/$name"
    chmod 755 "$stage/$name"
  done
  for library in "$stage"/lib/*; do
    [ -z "$(patchelf --print-rpath "$library" 2>/dev/null)" ] || patchelf --remove-rpath "$library"
  done
  for name in "$@"; do
    found=$("$stage/lib/${loader##*/}" --library-path "$stage/lib" --list "$stage/$name")
    # What is named by a path is the loader itself.
    outside=$(echo "$found" | grep ' => ' | grep -v -F " => $stage/" | grep -v -F "$seen_as/" || true)
    [ -z "$outside" ] || refuse "$name needs what was not found: $outside"
  done
  chmod -R u=rwX,go=rX "$stage/lib"
}
