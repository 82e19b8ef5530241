// Libraries that are in the process already.
#pragma once

#include <string>

namespace autosampling {

// A handle of dlopen's to a library that something else has loaded; null where nothing has.
void* loaded_library(const char* name);

// The file that this function or object comes from.
std::string file_of(const void* symbol);

} // namespace autosampling
