#include "autosampling/base/hash.hpp"

#include <gtest/gtest.h>

#include <string_view>
#include <vector>

namespace autosampling {
namespace {

std::uint64_t hash_of_text(std::string_view text) {
    return hash_of(std::span(text.data(), text.size()));
}

// The input that xxHash's own sanity checks use (xxhash repository, cli/xsum_sanity_check.c).
std::vector<std::uint8_t> sanity_buffer(std::size_t length) {
    std::vector<std::uint8_t> bytes(length);
    std::uint64_t generator = 2654435761U;
    for (std::uint8_t& byte : bytes) {
        byte = static_cast<std::uint8_t>(generator >> 56);
        generator *= 11400714785074694797U;
    }
    return bytes;
}

// Lengths on every code path of XXH3, with seed 0; values from the same file.
TEST(Hash, equals_xxh3s_known_answers) {
    EXPECT_EQ(hash_of_text(""), 0x2D06800538D394C2U);
    const std::pair<std::size_t, std::uint64_t> answers[] = {
        {1, 0xC44BDFF4074EECDBU},   {6, 0x27B56A84CD2D7325U},   {12, 0xA713DAF0DFBB77E7U},
        {24, 0xA3FE70BF9D3510EBU},  {48, 0x397DA259ECBA1F11U},  {80, 0xBCDEFBBB2C47C90AU},
        {195, 0xCD94217EE362EC3AU}, {403, 0xCDEB804D65C6DEA4U}, {2048, 0xDD59E2C3A5F038E0U},
    };
    for (const auto& [length, answer] : answers) {
        const auto bytes = sanity_buffer(length);
        EXPECT_EQ(hash_of(std::span<const std::uint8_t>(bytes)), answer) << length << " bytes";
    }
}

TEST(Hash, combination_depends_on_the_order) {
    EXPECT_NE(combine_hashes(1, 2), combine_hashes(2, 1));
    EXPECT_NE(combine_hashes(0, 0), 0U);
}

TEST(Hash, hex_has_sixteen_digits) {
    EXPECT_EQ(hex(0), "0000000000000000");
    EXPECT_EQ(hex(0x0123456789ABCDEFU), "0123456789abcdef");
}

} // namespace
} // namespace autosampling
