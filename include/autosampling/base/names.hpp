// Enumerations whose values have names outside the program: in options, messages and files.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <ostream>
#include <string_view>

namespace autosampling {

// Values count from 0, and the names stand in their order right below the enumeration:
//   enum class Device { automatic, cpu, cuda };
//   constexpr auto names_of(Device) { return std::array{"auto", "cpu", "cuda"}; }
template<class Enum>
concept NamedEnum = requires(Enum value) {
    names_of(value);
};

template<NamedEnum Enum>
constexpr std::string_view name_of(Enum value) {
    return names_of(value).at(static_cast<std::size_t>(value));
}

// Nothing for what is no name.
template<NamedEnum Enum>
constexpr std::optional<Enum> value_of(std::string_view name) {
    const auto names = names_of(Enum{});
    for (std::size_t i = 0; i < names.size(); ++i)
        if (names[i] == name) return static_cast<Enum>(i);
    return std::nullopt;
}

template<NamedEnum Enum>
std::ostream& operator<<(std::ostream& out, Enum value) {
    return out << name_of(value);
}

} // namespace autosampling
