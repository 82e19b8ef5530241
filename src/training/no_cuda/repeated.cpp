#include "autosampling/training/repeated.hpp"

#include <utility>

namespace autosampling {

std::unique_ptr<Repeated> repeat(const at::Device&, std::function<void()> action) {
    return call(std::move(action));
}

} // namespace autosampling
