# post.sh TEXT: the display shows the end of this file.
mkdir -p out
echo "$1" >>out/news.txt
