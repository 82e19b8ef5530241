// Images in memory: gather, crop, flip and normalise in one pass.
#include "autosampling/data/source.hpp"

#include "autosampling/base/error.hpp"

#include <algorithm>
#include <vector>

namespace autosampling {

namespace {

constexpr int padding = 4; // pixels on each side
constexpr int pixel_values = 256;

// Writes `count` normalised pixels; source pixels follow each other by `step` (1, or −1 for a flipped row).
// C: the number of channels, 0 for any.
template<int C>
void convert(const std::uint8_t* pixel, int step, int count, int channels, const float* table, float* out) {
    const int n = C > 0 ? C : channels;
    for (int x = 0; x < count; ++x)
        for (int c = 0; c < n; ++c) out[x * n + c] = table[c * pixel_values + pixel[x * step * n + c]];
}

template<int C>
void blacken(int count, int channels, const float* table, float* out) {
    static constexpr std::uint8_t black[C > 0 ? C : 1] = {};
    if constexpr (C > 0)
        convert<C>(black, 0, count, C, table, out);
    else
        for (int x = 0; x < count * channels; ++x) out[x] = table[x % channels * pixel_values];
}

// One image, row by row: black, the part of the source row that the window shows, black.
template<int C>
void fill_image(const std::uint8_t* image, const Shape& shape, const Crop& crop, const float* table, float* out) {
    const int height = shape.height(), width = shape.width(), channels = shape.channels();
    // The source pixels in view are left_edge … right_edge − 1 of the window before the flip.
    const int left_edge = std::clamp(-crop.left, 0, width);
    const int right_edge = std::clamp(width - crop.left, left_edge, width);
    const int visible = right_edge - left_edge;
    const int before = crop.flip ? width - right_edge : left_edge;
    const int first = crop.left + (crop.flip ? right_edge - 1 : left_edge); // source pixel that is written first
    for (int y = 0; y < height; ++y, out += width * channels) {
        const int row = y + crop.top;
        if (row < 0 || row >= height || visible == 0) {
            blacken<C>(width, channels, table, out);
            continue;
        }
        blacken<C>(before, channels, table, out);
        const std::uint8_t* const pixel = image + (static_cast<std::ptrdiff_t>(row) * width + first) * channels;
        convert<C>(pixel, crop.flip ? -1 : 1, visible, channels, table, out + before * channels);
        blacken<C>(width - before - visible, channels, table, out + (before + visible) * channels);
    }
}

class ImageSource : public Source {
  public:
    ImageSource(std::span<const std::uint8_t> images, const DatasetFacts& facts, Augmentation augmentation)
        : images_(images), shape_(facts.shape), augmentation_(augmentation) {
        EXPECT(std::cmp_equal(facts.mean.size(), shape_.channels()) && facts.std.size() == facts.mean.size());
        for (std::size_t c = 0; c < facts.mean.size(); ++c)
            for (int value = 0; value < pixel_values; ++value)
                table_.push_back(static_cast<float>((value / 255.0 - facts.mean[c]) / facts.std[c]));
    }

    void fill(std::span<const std::uint32_t> rows, const std::optional<AugmentationDraws>& draws,
              std::span<float> out) override {
        const auto values = shape_.values();
        EXPECT(out.size() == rows.size() * values);
        const bool crops = draws && augmentation_ == Augmentation::crop_flip;
        const int channels = shape_.channels();
        const auto fill_one = channels == 3 ? fill_image<3> : channels == 1 ? fill_image<1> : fill_image<0>;
        for (std::uint32_t b = 0; b < rows.size(); ++b) {
            EXPECT((rows[b] + std::size_t{1}) * values <= images_.size());
            fill_one(images_.data() + rows[b] * values, shape_,
                     crops ? draw_crop(draws->key, draws->first_slot + b) : Crop{}, table_.data(),
                     out.data() + b * values);
        }
    }

    std::optional<Pixels> pixels() const override {
        return Pixels{images_, table_, augmentation_ == Augmentation::crop_flip};
    }

  private:
    std::span<const std::uint8_t> images_;
    Shape shape_;
    Augmentation augmentation_;
    std::vector<float> table_; // (C, 256): normalised value of each pixel value
};

} // namespace

Crop draw_crop(const RandomKey& key, std::uint32_t slot) {
    EXPECT(key.purpose == Purpose::augmentation);
    RandomStream stream(key, slot);
    const auto shift = [&] { return static_cast<int>(stream.below(2 * padding + 1)) - padding; };
    Crop crop;
    crop.top = shift();
    crop.left = shift();
    crop.flip = stream.below(2) == 1;
    return crop;
}

std::unique_ptr<Source> make_image_source(std::span<const std::uint8_t> images, const DatasetFacts& facts,
                                          Augmentation augmentation) {
    return std::make_unique<ImageSource>(images, facts, augmentation);
}

} // namespace autosampling
