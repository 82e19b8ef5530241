// What an exception says to people.
#pragma once

#include <exception>
#include <string>

namespace autosampling {

// Its message; where memory was short or the file system refused something, with what to do about it.
std::string words_of(const std::exception& error);

} // namespace autosampling
