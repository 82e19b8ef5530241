#include "autosampling/sampling/loss_ranks.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/sampling/arrays.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

namespace autosampling {

namespace {

constexpr float unknown = -1;
constexpr double unit = 0x1p-32;
constexpr float greatest = 0x1p20F;                     // larger losses count as this one
constexpr std::int64_t fullest = std::int64_t{1} << 62; // of a sum: what comes after isn't counted

constexpr unsigned dropped_bits = 11; // of a float's 31 without its sign
constexpr std::size_t bins = std::size_t{1} << (31 - dropped_bits);

std::size_t bin_of(float loss) {
    return std::bit_cast<std::uint32_t>(loss) >> dropped_bits;
}

} // namespace

LossRanks::LossRanks(std::uint32_t training_images)
    : loss_(training_images, unknown), sum_(training_images, 0), draws_(training_images, 0) {}

void LossRanks::observe(std::span<const std::uint32_t> index, std::span<const float> loss) {
    EXPECT(index.size() == loss.size());
    for (std::size_t i = 0; i < index.size(); ++i) {
        EXPECT(loss[i] >= 0);
        std::int64_t& sum = sum_[index[i]];
        if (sum > fullest) continue;
        sum += std::llround(static_cast<double>(std::min(loss[i], greatest)) / unit);
        ++draws_[index[i]];
    }
}

void LossRanks::close_round() {
    for (std::size_t x = 0; x < loss_.size(); ++x) {
        if (draws_[x] == 0) continue;
        loss_[x] = static_cast<float>(static_cast<double>(sum_[x]) * unit / draws_[x]);
        sum_[x] = draws_[x] = 0;
    }
}

std::vector<std::uint16_t> LossRanks::levels() const {
    std::vector<std::uint32_t> level(bins, 0); // of a bin; first, how many losses are in it
    std::uint64_t known = 0;
    for (const float loss : loss_) {
        if (loss < 0) continue;
        ++level[bin_of(loss)];
        ++known;
    }
    std::uint64_t below = 0;
    for (std::uint32_t& bin : level) {
        const std::uint64_t inside = bin;
        if (inside == 0) continue;
        bin = static_cast<std::uint32_t>(1 + (2 * below + inside) * quantiles / (2 * known)); // of the middle rank
        below += inside;
    }
    std::vector<std::uint16_t> levels(loss_.size(), 0);
    for (std::size_t x = 0; x < loss_.size(); ++x)
        if (loss_[x] >= 0) levels[x] = static_cast<std::uint16_t>(level[bin_of(loss_[x])]);
    return levels;
}

double LossRanks::rank(std::uint32_t level) {
    return level == 0 ? 0 : (2.0 * level - 1) / quantiles - 1;
}

void LossRanks::save(NamedArrays& arrays) const {
    arrays["known_loss"] = std::vector<double>(loss_.begin(), loss_.end());
    arrays["round_loss"] = sum_;
    arrays["round_draws"] = draws_;
}

void LossRanks::load(const NamedArrays& arrays) {
    const auto& loss = array<double>(arrays, "known_loss", loss_.size());
    const auto known = [](double l) { return l == unknown || (l >= 0 && l <= greatest); };
    VALIDATE(std::all_of(loss.begin(), loss.end(), known), ExitCode::checkpoint,
             "the losses in the checkpoint are impossible (damaged file?)");
    std::transform(loss.begin(), loss.end(), loss_.begin(), [](double l) { return static_cast<float>(l); });
    sum_ = array<std::int64_t>(arrays, "round_loss", sum_.size());
    draws_ = array<std::uint32_t>(arrays, "round_draws", draws_.size());
}

} // namespace autosampling
