// Vectors that are read here and there, as long as the training set.
#pragma once

#include <cstddef>
#include <vector>

namespace autosampling {

// Asks the system for huge pages, where it gives them on request (Linux' transparent huge pages, "madvise"). A hint.
void prefer_huge_pages(void* memory, std::size_t bytes);

// `size` times `value`, in huge pages where possible: `sampling_speed 50 1e8` then takes less than half of the time.
template<class T>
std::vector<T> long_vector(std::size_t size, T value = {}) {
    std::vector<T> vector;
    vector.reserve(size);
    prefer_huge_pages(vector.data(), size * sizeof(T)); // before the first touch
    vector.assign(size, value);
    return vector;
}

} // namespace autosampling
