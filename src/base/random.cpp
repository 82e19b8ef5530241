#include "autosampling/base/random.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/wide.hpp"

#include <algorithm>
#include <array>

namespace autosampling {
namespace {

constexpr std::size_t width = 16;
using Lanes = std::array<std::uint32_t, width>;

// Philox4x32-10 on `width` counters at once, in a form that compilers make vector instructions of.
AUTOSAMPLING_WIDE void encrypt(std::array<Lanes, 4>& counter, r123::Philox4x32::key_type key) {
    for (int round = 0; round < philox4x32_rounds; ++round) {
        for (std::size_t lane = 0; lane < width; ++lane) {
            const std::uint64_t first = std::uint64_t{PHILOX_M4x32_0} * counter[0][lane],
                                second = std::uint64_t{PHILOX_M4x32_1} * counter[2][lane];
            counter[0][lane] = static_cast<std::uint32_t>(second >> 32) ^ counter[1][lane] ^ key[0];
            counter[1][lane] = static_cast<std::uint32_t>(second);
            counter[2][lane] = static_cast<std::uint32_t>(first >> 32) ^ counter[3][lane] ^ key[1];
            counter[3][lane] = static_cast<std::uint32_t>(first);
        }
        key[0] += PHILOX_W32_0;
        key[1] += PHILOX_W32_1;
    }
}

} // namespace

void make_first_blocks(const RandomKey& key, std::span<const std::uint32_t> slots, std::span<RandomBlock> blocks) {
    EXPECT(slots.size() == blocks.size());
    std::array<Lanes, 4> counter{};
    for (std::size_t done = 0; done < slots.size(); done += width) {
        const std::size_t lanes = std::min(width, slots.size() - done);
        const auto rest = RandomStream::philox_counter(key, 0);
        for (std::size_t i = 1; i < 4; ++i) counter[i].fill(rest[i]);
        std::copy_n(slots.begin() + static_cast<std::ptrdiff_t>(done), lanes, counter[0].begin());
        encrypt(counter, RandomStream::philox_key(key));
        for (std::size_t lane = 0; lane < lanes; ++lane)
            blocks[done + lane] = {{counter[0][lane], counter[1][lane], counter[2][lane], counter[3][lane]}};
    }
}

} // namespace autosampling
