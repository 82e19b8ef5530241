// What fuzz targets share. A target is given bytes, and must either read them or throw Error: all else is a finding.
#pragma once

#include "autosampling/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <utility>

namespace autosampling::fuzz {

using Input = std::span<const std::uint8_t>;
using Target = std::function<void(Input)>;

// The targets of this program, by name.
const std::map<std::string, Target>& targets();

// Takes values off the front of an input; zeros once it is used up.
class Bytes {
  public:
    explicit Bytes(Input input) : rest_(input) {}

    bool empty() const { return rest_.empty(); }
    template<class T>
    T take() {
        T value{};
        const std::size_t length = std::min(sizeof value, rest_.size());
        std::memcpy(&value, rest_.data(), length);
        rest_ = rest_.subspan(length);
        return value;
    }
    std::size_t below(std::size_t bound) { return bound == 0 ? 0 : take<std::uint16_t>() % bound; }
    Input take(std::size_t length) {
        return std::exchange(rest_, rest_.subspan(std::min(length, rest_.size())))
            .first(std::min(length, rest_.size()));
    }
    Input rest() { return std::exchange(rest_, {}); }

  private:
    Input rest_;
};

// A folder of this process, in memory where there is such; it goes with it.
const std::filesystem::path& folder();
void write(const std::filesystem::path& file, Input bytes);

// What refuses an input does so by an Error.
template<class Action>
bool reads(Action action) {
    try {
        action();
        return true;
    } catch (const Error&) {
        return false;
    }
}

// Ends the program unless the condition holds.
void require(bool condition, const char* what);

// Changes an HDF5 file as the bytes say: datasets and attributes are removed, made anew with another type, shape and
// content, overwritten in part or moved to each other's place.
void edit_hdf5(const std::filesystem::path& file, Bytes& bytes);

} // namespace autosampling::fuzz
