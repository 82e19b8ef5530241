// A column of the user's own: one value for every example of a file, or of a part of it.
#pragma once

#include <string>
#include <vector>

namespace autosampling {

struct Column {
    std::string name;
    std::vector<std::string> words; // the values of a text or of few whole numbers, each once, in order; else empty
    std::vector<double> value;      // (n) a finite number; with words: a place among them
};

} // namespace autosampling
