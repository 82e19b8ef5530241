#include "autosampling/sampling/tally.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/long_vector.hpp"
#include "autosampling/sampling/arrays.hpp"

#include <algorithm>
#include <bit>
#include <numeric>

namespace autosampling {

namespace {
// By 1 or −1.
void step(std::uint32_t& count, std::uint32_t one) {
    count += one;
    VALIDATE(one != 1 || count != 0, ExitCode::failure,
             "a training image was drawn 2^32 times (counts have 32 bits): set exploration.counts = window or decay");
}

// Ascending, of values below `end`. A few passes, however many there are: several times as fast here as what compares.
void radix_sort(std::vector<std::uint32_t>& values, std::size_t end) {
    constexpr unsigned most_bits = 11;
    const auto width = static_cast<unsigned>(std::bit_width(end));
    const unsigned passes = (width + most_bits - 1) / most_bits, bits = (width + passes - 1) / passes;
    const std::uint32_t mask = (1U << bits) - 1;
    std::vector<std::uint32_t> sorted(values.size()), place;
    for (unsigned shift = 0; shift < width; shift += bits) {
        place.assign(mask + 1, 0);
        for (const std::uint32_t value : values) ++place[value >> shift & mask];
        std::exclusive_scan(place.begin(), place.end(), place.begin(), 0U);
        for (const std::uint32_t value : values) sorted[place[value >> shift & mask]++] = value;
        values.swap(sorted);
    }
}

// A saved contribution to the window: cycle in the window, survivor, credited, z, draws.
constexpr int row_length = 5;
} // namespace

Tally::Tally(const ExplorationOptions& options, std::uint32_t training_images)
    : kind_(make_credit(options)), window_cycles_(options.counts == Counts::window ? options.window_cycles : 0),
      half_life_cycles_(options.counts == Counts::decay ? options.half_life_cycles : 0),
      count_(long_vector<std::uint32_t>(training_images)),
      draws_(long_vector<std::uint32_t>(kind_->keeps_credits() ? training_images : 0)),
      credit_(long_vector<std::int64_t>(draws_.size())) {}

void Tally::add(std::vector<Contribution> cycle) {
    for (const Contribution& contribution : cycle) apply(contribution, 1);
    ++cycles_;
    if (window_cycles_ > 0) {
        window_.push_back(std::move(cycle));
        if (std::ssize(window_) > window_cycles_) {
            for (const Contribution& contribution : window_.front()) apply(contribution, -1);
            window_.pop_front();
        }
    }
    if (half_life_cycles_ > 0 && cycles_ % half_life_cycles_ == 0) halve();
}

void Tally::apply(const Contribution& contribution, int sign) {
    const auto one = static_cast<std::uint32_t>(sign);
    if (contribution.survivor) {
        for (const std::uint32_t index : contribution.indices) step(count_[index], one);
        total_ += sign * std::ssize(contribution.indices);
    }
    if (contribution.credited && kind_->keeps_credits()) {
        for (const std::uint32_t index : contribution.indices) {
            step(draws_[index], one);
            credit_[index] += sign * std::int64_t{contribution.z};
        }
    }
    touch(contribution.indices);
}

void Tally::halve() {
    for (std::uint32_t& count : count_) count /= 2;
    for (std::uint32_t& draws : draws_) draws /= 2;
    for (std::int64_t& credit : credit_) credit /= 2;
    total_ = std::accumulate(count_.begin(), count_.end(), std::int64_t{0});
    all_touched_ = true;
}

void Tally::touch(std::span<const std::uint32_t> indices) {
    if (all_touched_) return;
    touched_.insert(touched_.end(), indices.begin(), indices.end());
    if (touched_.size() <= count_.size() / 4) return; // bounded, whatever the interval
    sort_touched();
    if (touched_.size() <= many_touched()) return;
    all_touched_ = true;
    touched_ = {};
}

void Tally::sort_touched() {
    radix_sort(touched_, count_.size());
    touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
}

std::optional<std::vector<std::uint32_t>> Tally::take_touched() {
    sort_touched();
    const bool many = std::exchange(all_touched_, false) || touched_.size() > many_touched();
    std::vector<std::uint32_t> taken = std::exchange(touched_, {});
    if (many) return {};
    return taken;
}

std::uint32_t Tally::level(std::uint32_t index) const {
    return draws_.empty() ? kind_->level(count_[index], 0, 0)
                          : kind_->level(count_[index], draws_[index], credit_[index]);
}

double Tally::mean_count() const {
    return static_cast<double>(total_) / static_cast<double>(count_.size());
}

void Tally::save(NamedArrays& arrays) const {
    arrays["count"] = count_;
    arrays["draws"] = draws_;
    arrays["credit"] = credit_;
    std::vector<std::uint32_t> touched = touched_;
    if (all_touched_) {
        touched.resize(count_.size());
        std::iota(touched.begin(), touched.end(), 0U);
    }
    arrays["touched"] = std::move(touched);
    arrays["tally_cycles"] = std::vector<std::int64_t>{cycles_};
    std::vector<std::int32_t> member; // (contributions, row_length)
    std::vector<std::uint32_t> indices;
    for (std::size_t cycle = 0; cycle < window_.size(); ++cycle)
        for (const Contribution& c : window_[cycle]) {
            member.insert(member.end(), {static_cast<std::int32_t>(cycle), c.survivor, c.credited, c.z,
                                         static_cast<std::int32_t>(c.indices.size())});
            indices.insert(indices.end(), c.indices.begin(), c.indices.end());
        }
    arrays["window_contribution"] = member;
    arrays["window_index"] = indices;
    arrays["window_cycles"] = std::vector<std::int64_t>{std::ssize(window_)};
}

void Tally::load(const NamedArrays& arrays) {
    count_ = array<std::uint32_t>(arrays, "count", count_.size());
    draws_ = array<std::uint32_t>(arrays, "draws", draws_.size());
    credit_ = array<std::int64_t>(arrays, "credit", credit_.size());
    touched_ = array<std::uint32_t>(arrays, "touched");
    cycles_ = array<std::int64_t>(arrays, "tally_cycles", 1)[0];
    total_ = std::accumulate(count_.begin(), count_.end(), std::int64_t{0});
    const auto& member = array<std::int32_t>(arrays, "window_contribution");
    const auto& indices = array<std::uint32_t>(arrays, "window_index");
    const std::int64_t cycles = array<std::int64_t>(arrays, "window_cycles", 1)[0];
    const auto require = [](bool ok) {
        VALIDATE(ok, ExitCode::checkpoint, "the counts in the checkpoint are inconsistent (damaged file?)");
    };
    const auto in_range = [&](std::uint32_t index) { return index < count_.size(); };
    require(std::all_of(touched_.begin(), touched_.end(), in_range));
    all_touched_ = false;
    touch({}); // they may be all
    require(std::all_of(indices.begin(), indices.end(), in_range));
    require(cycles >= 0 && cycles <= window_cycles_ && std::ssize(member) % row_length == 0);
    window_.assign(static_cast<std::size_t>(cycles), {});
    auto next = indices.begin();
    for (auto row = member.begin(); row != member.end(); row += row_length) {
        require(row[0] >= 0 && row[0] < cycles && row[4] >= 0 && row[4] <= indices.end() - next);
        const auto end = next + row[4];
        window_[static_cast<std::size_t>(row[0])].push_back({row[1] != 0, row[2] != 0, row[3], {next, end}});
        next = end;
    }
    require(next == indices.end());
}

} // namespace autosampling
