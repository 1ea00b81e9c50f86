#!/bin/sh
# Unpacks the photographs that the shipped artefacts are fitted on into a folder:
#   tokenizers/quant/fit/fetch.sh FOLDER
# They come from Debian packages, through apt; nothing is installed. The fit
# checks every file against its SHA-256.
set -eu
dir=${1:?usage: fetch.sh FOLDER}
mkdir -p "$dir"
cd "$dir"
apt-get download lomiri-wallpapers-16.04 python3-skimage
for deb in ./*.deb; do
	dpkg -x "$deb" .
	rm "$deb"
done
