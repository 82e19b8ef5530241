// Batches of packed images: decoded, cut, resized and normalised by a few threads.
#include "formats.hpp"
#include "mapped_file.hpp"
#include "packed_file.hpp"
#include "picture.hpp"

#include "autosampling/base/error.hpp"
#include "autosampling/base/hash.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <exception>
#include <thread>

namespace autosampling {

using namespace detail;

namespace {

// Which part of a picture is shown, and how.
struct View {
    Box box;
    bool flip = false;
};

// torchvision's RandomResizedCrop (a share of 0.08 to 1 of the area, 3 : 4 to 4 : 3), and a flip at even odds.
View draw_view(const PictureSize& picture, const RandomKey& key, std::uint32_t slot) {
    RandomStream stream(key, slot);
    const auto below = [&](int bound) { return static_cast<int>(stream.below(static_cast<std::uint32_t>(bound))); };
    const double area = static_cast<double>(picture.height) * picture.width;
    const double widest = std::log(4.0 / 3);
    View view;
    view.flip = below(2) == 1;
    for (int attempt = 0; attempt < 10; ++attempt) {
        const double part = area * (0.08 + 0.92 * stream.real());
        const double ratio = std::exp(widest * (2 * stream.real() - 1));
        const int width = static_cast<int>(std::lround(std::sqrt(part * ratio)));
        const int height = static_cast<int>(std::lround(std::sqrt(part / ratio)));
        if (width < 1 || width > picture.width || height < 1 || height > picture.height) continue;
        view.box = {below(picture.height - height + 1), below(picture.width - width + 1), height, width};
        return view;
    }
    // The middle, as wide or high as the ratio lets it be.
    const double ratio = static_cast<double>(picture.width) / picture.height;
    view.box.height = ratio < 3.0 / 4 ? static_cast<int>(std::lround(picture.width / (3.0 / 4))) : picture.height;
    view.box.width = ratio > 4.0 / 3 ? static_cast<int>(std::lround(picture.height * (4.0 / 3))) : picture.width;
    view.box.top = (picture.height - view.box.height) / 2;
    view.box.left = (picture.width - view.box.width) / 2;
    return view;
}

// The fewest eighths of a JPEG to decode so that the box is no smaller than what it is resized to.
int enough_eighths(const Box& box, const PictureSize& size) {
    int eighths = 8;
    while (eighths > 1 && box.height * (eighths / 2) / 8 >= size.height && box.width * (eighths / 2) / 8 >= size.width)
        eighths /= 2;
    return eighths;
}

Box scaled(const Box& box, int eighths, const Picture& picture) {
    const auto scale = [&](int length) { return length * eighths / 8; };
    Box result{scale(box.top), scale(box.left), std::max(scale(box.height), 1), std::max(scale(box.width), 1)};
    result.height = std::min(result.height, picture.height - result.top);
    result.width = std::min(result.width, picture.width - result.left);
    return result;
}

// torchvision's Resize to 8/7 of the side and CenterCrop.
Picture centre_crop(std::span<const std::uint8_t> file, const PictureSize& whole, int side) {
    const int shorter = static_cast<int>(std::lround(side * 8.0 / 7));
    const PictureSize size = with_shorter_side(whole, shorter);
    const Picture picture = decode_picture(file, enough_eighths({0, 0, whole.height, whole.width}, size));
    const Picture resized = resize(picture, {0, 0, picture.height, picture.width}, size);
    const auto middle = [&](int length) { return static_cast<int>(std::nearbyint((length - side) / 2.0)); };
    const int top = middle(size.height), left = middle(size.width);
    Picture cut{side, side, {}};
    cut.pixels.reserve(static_cast<std::size_t>(side) * side * 3);
    for (int y = 0; y < side; ++y) {
        const auto row = resized.pixels.begin() + (static_cast<std::ptrdiff_t>(top + y) * size.width + left) * 3;
        cut.pixels.insert(cut.pixels.end(), row, row + static_cast<std::ptrdiff_t>(side) * 3);
    }
    return cut;
}

class PackedSource : public Source {
  public:
    PackedSource(std::span<const PackedImage> images, const std::vector<std::filesystem::path>& files,
                 const DatasetFacts& facts, const DataOptions& options)
        : images_(images), paths_(files), side_(facts.shape.height()), values_(facts.shape.values()),
          augments_(options.augmentation != Augmentation::none), threads_(static_cast<int>(options.decode_threads)) {
        for (const auto& file : files) files_.push_back(std::make_unique<MappedFile>(file));
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t value = 0; value < 256; ++value)
                table_[c][value] =
                    static_cast<float>((static_cast<double>(value) / 255 - facts.mean[c]) / facts.std[c]);
    }

    void fill(std::span<const std::uint32_t> rows, const std::optional<AugmentationDraws>& draws,
              std::span<float> out) override {
        EXPECT(out.size() == rows.size() * values_);
        std::atomic<std::uint32_t> next = 0;
        std::vector<std::exception_ptr> failures(rows.size());
        const auto work = [&] {
            for (std::uint32_t b = next++; b < rows.size(); b = next++) {
                try {
                    show(rows[b], draws, b, out.subspan(b * values_, values_));
                } catch (...) {
                    failures[b] = std::current_exception();
                }
            }
        };
        {
            std::vector<std::jthread> others;
            for (int t = 1; t < std::min(threads_, static_cast<int>(rows.size())); ++t) others.emplace_back(work);
            work();
        }
        for (const auto& failure : failures)
            if (failure) std::rethrow_exception(failure);
    }

    void expect(std::span<const std::uint32_t> rows) override {
        std::vector<std::uint32_t> ordered(rows.begin(), rows.end());
        std::ranges::sort(ordered); // as they lie in the file
        for (const auto row : ordered) {
            const Place place = place_of(images_[row]);
            files_[place.file]->expect(place.begin, images_[row].length);
        }
    }

  private:
    struct Place {
        std::size_t file = 0;
        std::uint64_t begin = 0; // in it
    };
    Place place_of(const PackedImage& image) const {
        Place place{0, image.begin};
        while (place.begin >= files_[place.file]->bytes().size()) place.begin -= files_[place.file++]->bytes().size();
        return place;
    }

    void show(std::uint32_t row, const std::optional<AugmentationDraws>& draws, std::uint32_t b,
              std::span<float> out) const {
        const PackedImage& image = images_[row];
        const Place place = place_of(image);
        const auto bytes = files_[place.file]->bytes().subspan(place.begin, image.length);
        VALIDATE(hash_of(bytes) == image.hash, ExitCode::data, paths_[place.file].string(), ": image ", row,
                 " is damaged (its checksum does not hold): pack it again");
        const PictureSize whole = size_of_picture(bytes);
        View view;
        Picture picture;
        if (draws && augments_) {
            view = draw_view(whole, draws->key, draws->first_slot + b);
            const int eighths = enough_eighths(view.box, {side_, side_});
            const Picture decoded = decode_picture(bytes, eighths);
            picture = resize(decoded, decoded.height == whole.height ? view.box : scaled(view.box, eighths, decoded),
                             {side_, side_});
        } else {
            picture = centre_crop(bytes, whole, side_);
        }
        for (int y = 0; y < side_; ++y) {
            for (int x = 0; x < side_; ++x) {
                const int from = y * side_ + (view.flip ? side_ - 1 - x : x);
                for (int c = 0; c < 3; ++c) out[(y * side_ + x) * 3 + c] = table_[c][picture.pixels[from * 3 + c]];
            }
        }
    }

    std::span<const PackedImage> images_;
    std::vector<std::filesystem::path> paths_;
    std::vector<std::unique_ptr<MappedFile>> files_;
    int side_;
    std::size_t values_;
    bool augments_;
    int threads_;
    std::array<std::array<float, 256>, 3> table_{}; // normalised value of each pixel value
};

} // namespace

namespace detail {

std::unique_ptr<Source> make_packed_source(std::span<const PackedImage> images,
                                           const std::vector<std::filesystem::path>& files, const DatasetFacts& facts,
                                           const DataOptions& options) {
    return std::make_unique<PackedSource>(images, files, facts, options);
}

} // namespace detail

} // namespace autosampling
