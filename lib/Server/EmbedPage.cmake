# cmake -DOUT=Page.cpp -DDIRECTORY=page -P EmbedPage.cmake: the files as arrays.
set(text "#include \"Page.h\"\n")
foreach(file index.html|pageHtml|text/html page.css|pageCss|text/css page.js|pageJs|text/javascript)
  string(REPLACE "|" ";" parts ${file})
  list(GET parts 0 name)
  list(GET parts 1 symbol)
  list(GET parts 2 type)
  file(READ ${DIRECTORY}/${name} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(APPEND text
    "static const unsigned char ${symbol}Bytes[] = {${bytes}};\n"
    "const tern::server::PageFile tern::server::${symbol} = {\n"
    "    \"${type}; charset=utf-8\", ${symbol}Bytes, sizeof ${symbol}Bytes};\n")
endforeach()
file(WRITE ${OUT} "${text}")
